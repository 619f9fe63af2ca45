import { Notification } from '@jupyterlab/apputils';

// Without a time of its own a notification is kept behind the bell, where nobody sees it.
const GOOD_MS = 5_000;
const BAD_MS = 15_000;

/** Tell that something was done. */
export function tellDone(text: string): void {
  Notification.success(text, { autoClose: GOOD_MS });
}

/** Tell why nothing was done, where nothing went wrong. */
export function tell(text: string): void {
  Notification.info(text, { autoClose: BAD_MS });
}

/** Tell what went wrong. */
export function tellTrouble(text: string): void {
  Notification.error(text, { autoClose: BAD_MS });
}

/** Do what a user asked for, and tell how it ended; undefined where it failed. */
export async function told<T>(
  doing: Promise<T>,
  success: (result: T) => string
): Promise<T | undefined> {
  try {
    const result = await doing;
    tellDone(success(result));
    return result;
  } catch (error) {
    tellTrouble((error as Error).message);
    return undefined;
  }
}
