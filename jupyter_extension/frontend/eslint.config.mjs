import js from '@eslint/js';
import jupyter from '@jupyter/eslint-plugin';
import prettier from 'eslint-config-prettier';
import a11y from 'eslint-plugin-jsx-a11y';
import hooks from 'eslint-plugin-react-hooks';
import typescript from 'typescript-eslint';

export default typescript.config(
  { ignores: ['lib/', 'node_modules/', 'src/messages.ts'] },
  js.configs.recommended,
  ...typescript.configs.recommended,
  a11y.flatConfigs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    plugins: { 'react-hooks': hooks, jupyter },
    rules: {
      ...hooks.configs.recommended.rules,
      curly: 'error',
      eqeqeq: 'error',
      'max-lines': ['error', 300],
      'max-lines-per-function': ['error', 80],
      '@typescript-eslint/naming-convention': [
        'error',
        { selector: 'interface', format: ['PascalCase'], custom: { regex: '^I[A-Z]', match: true } }
      ],
      '@typescript-eslint/no-explicit-any': 'off'
    }
  },
  {
    files: ['src/**'],
    ignores: ['src/plugins/telling.ts', 'src/plugins/myJobs.tsx'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: [
            {
              name: '@jupyterlab/apputils',
              importNames: ['Notification'],
              message: 'Use plugins/telling: without a time of its own nobody sees a notification.'
            }
          ]
        }
      ]
    }
  },
  { files: ['tests/**'], rules: { 'max-lines-per-function': 'off' } },
  prettier
);
