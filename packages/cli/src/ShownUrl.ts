/**
 * A URL that somebody gave, as a message may repeat it.
 *
 * @since 0.1.0
 */

/** What stands ahead of an @ may be a password, also where it is no URL: it is left out. */
export const shownUrl = (text: string): string => text.replace(/^([^/@]*\/\/)?.*@/s, "$1…@")
