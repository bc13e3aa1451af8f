/** @type {import("jest").Config} */
export default {
  testMatch: ["**/jest.test.js"],
  // Node runs ES modules as they are; Jest's own transform would turn them into something else.
  transform: {},
};
