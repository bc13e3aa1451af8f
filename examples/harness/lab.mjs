// wirelab run --config lab.mjs -- python3 -m unittest
import { defineLab } from "wirelab";

export default defineLab({
  accounts: [{ name: "press", password: "stop", permissions: "elrafw" }],
  servers: { ftp: { greeting: "Reports, please." }, http: {} },
});
