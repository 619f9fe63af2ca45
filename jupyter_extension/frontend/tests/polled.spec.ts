import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { Polled } from '../src/model/polled';

const OFTEN = { interval: 20, max: 1000 };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

async function after(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

test('what nobody wants is not asked for', async () => {
  const ask = vi.fn(async () => 1);
  const polled = new Polled('unwanted', ask, OFTEN);
  await after(100);
  expect(ask).not.toHaveBeenCalled();
  polled.dispose();
});

test('what is wanted is asked for at once and again, until it is wanted no more', async () => {
  let n = 0;
  const polled = new Polled('wanted', async () => (n += 1), OFTEN);
  const wanted = polled.want();
  await after(200);
  expect(polled.value).toBeGreaterThan(2);
  wanted.dispose();
  await after(50);
  const reached = n;
  await after(100);
  expect(n).toBe(reached);
  polled.dispose();
});

test('the same answer is no change, a failure keeps the last value', async () => {
  let fails = false;
  const changes: (string | null)[] = [];
  const polled = new Polled(
    'same',
    async () => {
      if (fails) {
        throw new Error('engine down');
      }
      return { jobs: [1] };
    },
    OFTEN
  );
  polled.changed.connect(() => changes.push(polled.error?.message ?? null));
  await polled.refresh();
  await polled.refresh();
  expect(changes).toEqual([null]);
  fails = true;
  await polled.refresh();
  await polled.refresh();
  expect(changes).toEqual([null, 'engine down']);
  expect(polled.value).toEqual({ jobs: [1] });
  fails = false;
  await polled.refresh();
  expect(polled.error).toBeNull();
  polled.dispose();
});

test('what moves often is asked for once more after the answer, and answers keep their order', async () => {
  const answers: ((value: number) => void)[] = [];
  const ask = vi.fn(() => new Promise<number>(resolve => answers.push(resolve)));
  const polled = new Polled('moved', ask, { interval: 1e6, max: 1e6 });
  polled.moved();
  expect(ask).not.toHaveBeenCalled(); // nobody wants it
  const wanted = polled.want();
  await after(10);
  for (let times = 0; times < 30; times += 1) {
    polled.moved();
  }
  expect(ask).toHaveBeenCalledTimes(1);
  answers[0](1);
  await after(0);
  expect(ask).toHaveBeenCalledTimes(1); // a moment after the question before
  await after(300);
  expect(ask).toHaveBeenCalledTimes(2);
  void polled.refresh();
  answers[2](3);
  await after(0);
  answers[1](2); // asked for before, answered after
  await after(0);
  expect(polled.value).toBe(3);
  expect(ask).toHaveBeenCalledTimes(3);
  wanted.dispose();
  polled.dispose();
});

test('pauses grow while it fails, up to the longest', async () => {
  const asked: number[] = [];
  let fails = true;
  const ask = async (): Promise<number> => {
    asked.push(Date.now());
    if (fails) {
      throw new Error('down');
    }
    return asked.length;
  };
  const polled = new Polled('fails', ask, OFTEN);
  const wanted = polled.want();
  await after(5_000);
  fails = false;
  await after(1_050);
  const pauses = asked.slice(1).map((time, index) => time - asked[index]);
  expect(pauses.slice(0, 10)).toEqual([20, 40, 80, 160, 320, 640, 1000, 1000, 1000, 1000]);
  expect(pauses.at(-1)).toBe(OFTEN.interval);
  wanted.dispose();
  polled.dispose();
});
