export { type LabTestOptions, labTest } from "./fixture.ts";
export * from "./plain.ts";
