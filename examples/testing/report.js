/** The code that the tests in this folder are about: stores rows as CSV, and tries again, once, where that fails. */
export async function storeReport(url, rows) {
  const body = rows.map((row) => `${row.join(",")}\n`).join("");
  const authorization = `Basic ${btoa("foo:bar")}`;
  const attempt = async () => {
    const { ok, status } = await fetch(`${url}/report.csv`, {
      method: "PUT",
      body,
      headers: { authorization },
    });
    if (!ok) throw new Error(`The report was refused with ${status}.`);
  };
  await attempt().catch(attempt);
}
