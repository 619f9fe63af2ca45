import { expect, test } from 'vitest';

import { Lanes } from '../src/model/lanes';

test('few run at once, in their order; what is urgent goes first, what fails frees its lane', async () => {
  const lanes = new Lanes(2);
  const begun: string[] = [];
  const ends = new Map<string, (error?: Error) => void>();
  const run = (name: string, isUrgent = false): Promise<string> =>
    lanes.run(() => {
      begun.push(name);
      return new Promise((resolve, reject) =>
        ends.set(name, error => (error ? reject(error) : resolve(name)))
      );
    }, isUrgent);
  const [a, b, c] = [run('a'), run('b'), run('c')];
  const urgent = run('urgent', true);
  expect(begun).toEqual(['a', 'b']);
  ends.get('a')!(new Error('It failed.'));
  await expect(a).rejects.toThrow('It failed.');
  expect(begun).toEqual(['a', 'b', 'urgent']);
  ends.get('urgent')!();
  ends.get('b')!();
  expect(await Promise.all([urgent, b])).toEqual(['urgent', 'b']);
  ends.get('c')!();
  expect(await c).toBe('c');
  const [d, e] = [run('d'), run('e')];
  ends.get('d')!();
  ends.get('e')!();
  expect(await Promise.all([d, e])).toEqual(['d', 'e']);
});
