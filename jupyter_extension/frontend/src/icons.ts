import { LabIcon } from '@jupyterlab/ui-components';

/** The sidebar's mark: cells that go out to a cluster and come back as a model. */
export const pipelineIcon = new LabIcon({
  name: 'kd-magics:pipeline',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <g class="jp-icon3" fill="#616161">
    <circle cx="5" cy="12" r="3"/>
    <circle cx="18" cy="5.5" r="3"/>
    <circle cx="18" cy="18.5" r="3"/>
    <path d="M7 10.3 15.2 6l.9 1.7-8.2 4.3zM7.9 12l8.2 4.3-.9 1.7L7 13.700z"/>
  </g>
</svg>`
});
