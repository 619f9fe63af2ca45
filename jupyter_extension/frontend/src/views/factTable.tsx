import React from 'react';

/** A fact's name and what it is; a row without a value is left out. */
export type Fact = [name: string, value: React.ReactNode];

/** Facts under a caption; nothing where none is known. */
export function FactTable({ title, rows }: { title: string; rows: Fact[] }): JSX.Element | null {
  const known = rows.filter(([, value]) => value !== '' && value !== null && value !== undefined);
  if (!known.length) {
    return null;
  }
  return (
    <table>
      <caption>{title}</caption>
      <tbody>
        {known.map(([name, value]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
