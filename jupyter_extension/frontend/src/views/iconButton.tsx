import type { LabIcon } from '@jupyterlab/ui-components';
import React from 'react';

/** A small button with an icon, whose words are its name and its tooltip. */
export function IconButton(props: {
  icon: LabIcon;
  label: string;
  onClick: () => void;
  disabled?: boolean;
}): JSX.Element {
  return (
    <button
      className="kd-IconButton"
      title={props.label}
      aria-label={props.label}
      onClick={props.onClick}
      disabled={props.disabled}
      type="button"
    >
      <props.icon.react tag="span" elementSize="normal" />
    </button>
  );
}
