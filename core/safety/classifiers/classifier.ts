import type { Region } from "../../../config/presets.ts";
import type { Context } from "../../stage.ts";
import type { Action } from "../moderation/lexicon.ts";

/** A service that judges a text; what it may be told is the caller's to decide. */
export interface Classifier {
  /** For the record, e.g. `aliyun` or `openai omni-moderation-latest`. */
  readonly name: string;
  /** Where the text goes. */
  readonly region: Region;
  /** Texts longer than this, in UTF-16 units, are handed over in parts. */
  readonly maxUnits: number;
  /** For this turn, until its signal. Throws GatewayError when there is no judgement to be had. */
  classify(text: string, context: Context): Promise<Classification>;
}

export interface Classification {
  readonly action: Exclude<Action, "mask">;
  /** The service's own words for what it found, e.g. `violence`; never the text. */
  readonly labels: readonly string[];
}
