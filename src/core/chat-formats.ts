/** Formats of chat templates, for prompts and for the texts of datasets. */

/** A template that puts each message between a header and an end marker. */
export interface ChatFormat {
  /** A text that every prompt of the template contains. Searching other prompts for it costs almost nothing. */
  readonly mark: string;
  /** Matches what precedes a message; the group is the role. */
  readonly header: RegExp;
  /** Matches the end of a message before the next header. */
  readonly end: RegExp;
  /** The system message is between this text and the first header. */
  readonly start?: string;
}

/** Models by DeepSeek. */
export const DEEPSEEK: ChatFormat = {
  mark: '<｜Assistant｜>',
  header: /<｜(User|Assistant)｜>(?:<\/think>)?/g,
  end: /<｜end▁of▁sentence｜>/,
  start: '<｜begin▁of▁sentence｜>',
};

/** Harmony, of gpt-oss: the system message is the template's own, and only the channel `final` has messages. */
export const HARMONY: ChatFormat = {
  mark: '<|start|>',
  header:
    /<\|start\|>(developer|user|assistant)(?:<\|channel\|>final)?(?:<\|message\|>(?:# Instructions\n\n)?|$)/g,
  end: /<\|end\|>|<\|return\|>/,
};

/** Command R, by Cohere. */
export const COMMAND_R: ChatFormat = {
  mark: '<|START_OF_TURN_TOKEN|>',
  header: /<\|START_OF_TURN_TOKEN\|><\|(\w+)_TOKEN\|>(?:<\|START_RESPONSE\|>)?/g,
  end: /<\|END_RESPONSE\|>|<\|END_OF_TURN_TOKEN\|>/,
};
