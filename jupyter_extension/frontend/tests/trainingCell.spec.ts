import { expect, test } from 'vitest';

import { withMagic } from '../src/model/trainingCell';

test.each([
  ['print(1)', '%%b\nprint(1)'],
  ['', '%%b\n'],
  ['%matplotlib inline\n1', '%%b\n%matplotlib inline\n1'],
  ['%%a --name x\nprint(1)', '%%b --name x\nprint(1)'],
  ['\n%%a\nprint(1)', '%%b\nprint(1)'],
  ['%%b\nprint(1)', '%%b\nprint(1)'],
  ['%%ab\nprint(1)', null],
  ['%%time\nprint(1)', null]
])('%j runs on the engine b as %j', (source, changed) => {
  expect(withMagic(source, 'b', ['a', 'b'])).toBe(changed);
});
