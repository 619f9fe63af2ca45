/**
 * Colours of terminal text: what SGR sequences (`ESC [ … m`) make of a style.
 *
 * A style is the list of SGR parameters that sets it from nothing: `1;31`, or the empty text.
 */

const FLAGS: { [parameter: string]: string } = {
  '1': 'bold',
  '2': 'dim',
  '3': 'italic',
  '4': 'underline',
  '7': 'inverse',
  '8': 'hidden',
  '9': 'strike'
};
const UNSET: { [parameter: string]: string[] } = {
  '22': ['bold', 'dim'],
  '23': ['italic'],
  '24': ['underline'],
  '27': ['inverse'],
  '28': ['hidden'],
  '29': ['strike'],
  '39': ['foreground'],
  '49': ['background']
};

/** Return a style after the SGR sequence with `parameters`; unknown ones change nothing. */
export function restyled(style: string, parameters: string): string {
  const slots = new Map<string, string>();
  for (const one of [...split(style), ...split(parameters || '0')]) {
    if (one === '0') {
      slots.clear();
    } else if (one in UNSET) {
      UNSET[one].forEach(slot => slots.delete(slot));
    } else {
      const slot = slotOf(one);
      if (slot) {
        slots.set(slot, one);
      }
    }
  }
  return [...slots.values()].join(';');
}

/** Return text with a style set before it and reset after it. */
export function styled(text: string, style: string): string {
  return style ? `\x1b[${style}m${text}\x1b[0m` : text;
}

/** Return text without its colours. */
export function withoutStyle(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/\x1b\[[0-9;]*m/g, '');
}

function slotOf(parameter: string): string | undefined {
  const number = parseInt(parameter, 10);
  if ((number >= 30 && number <= 38) || (number >= 90 && number <= 97)) {
    return 'foreground';
  }
  if ((number >= 40 && number <= 48) || (number >= 100 && number <= 107)) {
    return 'background';
  }
  return FLAGS[parameter];
}

/** Split SGR parameters; those of an extended colour (`38;5;N`, `38;2;R;G;B`) stay one. */
function split(text: string): string[] {
  const words = text ? text.split(';').map(word => word.replace(/^0+(?=.)/, '') || '0') : [];
  const found: string[] = [];
  for (let at = 0; at < words.length;) {
    const isExtended = words[at] === '38' || words[at] === '48';
    const width = !isExtended ? 1 : words[at + 1] === '5' ? 3 : words[at + 1] === '2' ? 5 : 0;
    if (width === 0 || at + width > words.length) {
      break; // no colour follows
    }
    found.push(words.slice(at, at + width).join(';'));
    at += width;
  }
  return found;
}
