export { expectLab, type LabAssertions } from "./assertions.ts";
export type { CommandLike, RefusalLike, Text, TransferLike } from "./happenings.ts";
export { type LabMatchers, labMatchers, type MatcherResult } from "./matchers.ts";
export type { Content } from "./stored.ts";
export { type WithLabOptions, withLab } from "./with-lab.ts";
