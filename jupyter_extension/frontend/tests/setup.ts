import { configure } from '@testing-library/react';

// A machine that stalls fails no test.
configure({ asyncUtilTimeout: 20_000 });

/** What JupyterLab's packages want of a browser, and jsdom has not. */
globalThis.DragEvent ??= class extends MouseEvent {} as typeof DragEvent;
window.matchMedia ??= query =>
  Object.assign(new EventTarget(), { matches: false, media: query }) as unknown as MediaQueryList;
window.requestIdleCallback ??= told => window.setTimeout(told);
