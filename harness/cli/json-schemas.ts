import { z } from "zod";
import { verdict, verdictVersion } from "../verdict/schema.ts";
import { methods, protocolVersion } from "../engine/protocol.ts";
import {
  cancelNotification,
  creditNotification,
  errorCodes,
  errorData,
  feedNotification,
  tapsNotification,
} from "../engine/notifications.ts";

/** The published JSON Schemas, by file name under docs/. */
export function publishedSchemas(): Record<string, object> {
  const describe = (schema: z.ZodType, io: "input" | "output"): object =>
    z.toJSONSchema(schema, { io, unrepresentable: "any" });
  const requests = Object.entries(methods).map(([method, { params, result }]) => [
    method,
    { params: describe(params, "input"), result: describe(result, "output") },
  ]);
  const notifications = {
    taps: describe(tapsNotification, "output"),
    credit: describe(creditNotification, "output"),
    feed: describe(feedNotification, "output"),
    cancel: describe(cancelNotification, "output"),
  };
  return {
    "protocol.schema.json": {
      title: `lockstep protocol ${protocolVersion}`,
      methods: Object.fromEntries(requests),
      notifications,
      error_codes: errorCodes,
      error_data: describe(errorData, "output"),
    },
    "verdict.schema.json": { title: `lockstep verdict ${verdictVersion}`, ...describe(verdict, "output") },
  };
}
