// Whoever reads these waits, and in which language is not known here: they say it in all three.

/** The stream ends before the answer does. */
export const CONTINUES = "⏳ 稍后在下方继续 · 稍後在下方繼續 · continues below";

/** No stream of this name, or no longer. */
export const NOTHING_LEFT =
  "这条回复已失效，请重新提问。 · 這則回覆已失效，請重新提問。 · This answer is gone; please ask again.";

/** The end of an answer that was stopped, or of a message without one. */
export const STOPPED = "■";

/** A part that only the next message can bring the rest of. */
export const MORE_FOLLOWS =
  "（未完，请发送任意消息以继续 · 未完，請傳送任意訊息以繼續 · More follows: send any message to continue.）";
