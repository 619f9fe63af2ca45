import type { JupyterFrontEnd } from '@jupyterlab/application';
import { MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import type { LabIcon } from '@jupyterlab/ui-components';
import type { Widget } from '@lumino/widgets';

/** What a tab of the main area is told apart by, and what it is made of. */
export interface IMainTab<T extends Widget> {
  name: string;
  icon: LabIcon;
  make: () => T;
}

/** Show the tab whose content is what is looked for, or a new one; return its content. */
export async function showTab<T extends Widget>(
  app: JupyterFrontEnd,
  tracker: WidgetTracker<MainAreaWidget<T>>,
  isIt: (content: T) => boolean,
  { name, icon, make }: IMainTab<T>
): Promise<T> {
  let tab = tracker.find(one => isIt(one.content));
  if (!tab) {
    const content = make();
    content.title.label = content.title.label || name;
    tab = new MainAreaWidget({ content });
    tab.id = `kd-magics-${name.replace(/[^a-z0-9]+/gi, '-')}`;
    tab.title.icon = icon;
    tab.title.caption = name;
    tab.title.closable = true;
    // The tab's toolbar would be empty: what can be done is in the content.
    tab.toolbar.hide();
    await tracker.add(tab);
    app.shell.add(tab, 'main');
  }
  app.shell.activateById(tab.id);
  return tab.content;
}
