import { Notification } from '@jupyterlab/apputils';

/** Do what a user asked for, and tell how it ended; undefined where it failed. */
export async function told<T>(
  doing: Promise<T>,
  success: (result: T) => string
): Promise<T | undefined> {
  try {
    const result = await doing;
    Notification.success(success(result), { autoClose: 5_000 });
    return result;
  } catch (error) {
    Notification.error((error as Error).message, { autoClose: 15_000 });
    return undefined;
  }
}
