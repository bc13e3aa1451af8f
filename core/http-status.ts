import type { ErrorCode } from "./errors.ts";

/** How HTTP says the store's errors: as a server of files, and as the control API. */
export const STORE_STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  NOT_FOUND: 404,
  FORBIDDEN: 403,
  EXISTS: 409,
  IS_DIRECTORY: 409,
  NOT_DIRECTORY: 409,
  NOT_EMPTY: 409,
  BAD_PATH: 400,
  QUOTA: 507,
};
