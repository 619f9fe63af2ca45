import { cleanup, render, screen } from '@testing-library/react';
import React from 'react';
import { afterEach, expect, test } from 'vitest';

import { Trouble } from '../src/views/section';

afterEach(cleanup);

test('a trouble is told as an alert', () => {
  render(<Trouble error={new Error('Cluster a does not answer.')} />);
  expect(screen.getByRole('alert').textContent).toBe('Cluster a does not answer.');
});
