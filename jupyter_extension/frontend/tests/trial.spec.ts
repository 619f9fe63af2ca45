import { expect, test, vi } from 'vitest';

import type { Api } from '../src/api';
import type { IPredictField, IPredictForm, IPrediction } from '../src/messages';
import { argsOf, isWrong, textsOf, valuesIn } from '../src/model/predictForm';
import { Trial } from '../src/model/trial';

const field = (name: string, type: IPredictField['type'], value: unknown): IPredictField => ({
  ...{ name, type, value, description: '' }
});
const FORM: IPredictForm = {
  fields: [
    field('miles', 'number', 1.5),
    field('hour', 'integer', 7),
    field('zone', 'string', '12'),
    field('airport', 'boolean', true),
    field('tags', 'json', ['a']),
    field('extra', 'string', null)
  ],
  example: { miles: 1.5 },
  source: 'signature'
};
const taxi = { cluster: 'engine', name: 'taxi', version: '1' };

const answered = (result: unknown): IPrediction =>
  ({ answer: { status: 'Finished', result }, seconds: 0.001 }) as unknown as IPrediction;

async function trial(form: IPredictForm, predict = vi.fn()): Promise<Trial> {
  const api = { form: () => Promise.resolve(form), predict } as unknown as Api;
  const made = new Trial(api, taxi);
  await made.begin();
  return made;
}

test('fields hold the example, and make its arguments again; empty ones are left out', () => {
  const texts = textsOf(FORM);
  expect(texts).toEqual({
    ...{ miles: '1.5', hour: '7', zone: '12', airport: 'true', tags: '["a"]', extra: '' }
  });
  expect(argsOf(FORM.fields, texts)).toEqual({
    ...{ miles: 1.5, hour: 7, zone: '12', airport: true, tags: ['a'] }
  });
});

test.each([
  ['miles', '1e3', false],
  ['miles', 'far', true],
  ['miles', '"1"', true],
  ['hour', '7.5', true],
  ['hour', '-7', false],
  ['zone', 'anything', false],
  ['airport', '1', true],
  ['tags', '{', true],
  ['tags', 'null', false],
  ['miles', '', false]
])('field %s with %s: wrong is %s', (name, text, wrong) => {
  expect(
    isWrong(
      FORM.fields.find(one => one.name === name)!,
      text
    )
  ).toBe(wrong);
});

test('JSON is shown in fields only where they lose nothing of it', () => {
  expect(valuesIn(FORM, '{"miles": 2}')).toEqual({ miles: 2 });
  expect(valuesIn(FORM, '{"miles": 2, "other": 1}')).toBeNull();
  expect(valuesIn(FORM, '[{"miles": 2}]')).toBeNull();
  expect(valuesIn(FORM, '{')).toBeNull();
});

test('what is edited as JSON comes back into the fields', async () => {
  const made = await trial(FORM);
  made.setText('hour', 'seven');
  expect(made.isWrong).toBe(true);
  made.edit(true);
  expect(made.isJson).toBe(false);
  made.setText('hour', '8');
  made.edit(true);
  expect(JSON.parse(made.json).hour).toBe(8);
  made.setJson('{"hour": 9}');
  made.edit(false);
  expect(made.texts).toMatchObject({ hour: '9', miles: '' });
});

test('a model without a form is asked with JSON', async () => {
  const predict = vi.fn(() => Promise.resolve(answered(1)));
  const made = await trial({ fields: [], example: '--miles 3', source: 'none' }, predict);
  expect(made.isJson).toBe(true);
  await made.ask();
  expect(predict).toHaveBeenCalledWith('engine', 'taxi', '1', '--miles 3');
});

test('two versions are asked at once; one that fails does not hide the other', async () => {
  let release: (prediction: IPrediction) => void = () => undefined;
  const predict = vi.fn((_cluster: string, _name: string, version: string) =>
    version === '2'
      ? Promise.reject(new Error('It is not there.'))
      : new Promise<IPrediction>(resolve => (release = resolve))
  );
  const made = await trial(FORM, predict);
  made.compareWith({ ...taxi, version: '2' });
  const asking = made.ask();
  await vi.waitUntil(() => made.replies[1].error);
  expect(made.isAsking).toBe(true);
  expect(made.replies[0].prediction).toBeNull();
  release(answered(5));
  await asking;
  expect(made.replies[0].prediction?.answer.result).toBe(5);
  expect(made.isAsking).toBe(false);
});

test('why there is no form is told', async () => {
  const api = { form: () => Promise.reject(new Error('No such model.')) } as unknown as Api;
  const made = new Trial(api, taxi);
  await made.begin();
  expect(made.error?.message).toBe('No such model.');
  await made.ask();
  expect(made.replies).toEqual([]);
});
