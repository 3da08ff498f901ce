import type { Draft } from "../draft.ts";
import type { Report } from "../report.ts";

/** What loads, and yet does something else than its writer may think. */
export const checkOpenshell = ({ openshell }: Draft, report: Report): void => {
  const exporter = openshell?.audit?.export_to ?? "file";
  if (exporter !== "file") {
    report.warn(
      ["openshell", "audit", "export_to"],
      `there is no exporter ${exporter} in this version: the records go to the file only`,
    );
  }
  const places = openshell?.filesystem?.readonly_paths;
  if (places && !places.some((path) => path?.replace(/\/+$/, "") === "/app")) {
    report.warn(
      ["openshell", "filesystem", "readonly_paths"],
      "/app is not among them, where the files of skills lie: no skill can run",
    );
  }
};
