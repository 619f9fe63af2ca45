import cellCommands from './plugins/cellCommands';
import comparisonTabs from './plugins/comparisonTabs';
import deploymentCommands from './plugins/deploymentCommands';
import engineCommands from './plugins/engineCommands';
import jobCommands from './plugins/jobCommands';
import jobFilter from './plugins/jobFilter';
import jobTabs from './plugins/jobTabs';
import liveCells from './plugins/liveCells';
import modelCommands from './plugins/modelCommands';
import modelTabs from './plugins/modelTabs';
import myJobs from './plugins/myJobs';
import notebooks from './plugins/notebooks';
import palette from './plugins/palette';
import pipeline from './plugins/pipeline';
import sidebar from './plugins/sidebar';
import tryTabs from './plugins/tryTabs';

export default [
  pipeline,
  sidebar,
  engineCommands,
  cellCommands,
  jobCommands,
  jobFilter,
  jobTabs,
  comparisonTabs,
  modelTabs,
  modelCommands,
  deploymentCommands,
  tryTabs,
  myJobs,
  notebooks,
  liveCells,
  palette
];
