import { z } from "zod";
import { localPath, text } from "./marks.ts";

/** Where skills come from. */
export const skillsSchema = z
  .strictObject({
    folders: z
      .array(localPath(text()))
      .optional()
      .describe("Folders whose subfolders are skills; absent = the bundled ones."),
  })
  .describe("Where skills come from.");
