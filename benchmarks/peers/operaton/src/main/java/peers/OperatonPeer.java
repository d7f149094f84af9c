package peers;

import org.operaton.bpm.engine.ProcessEngine;
import org.operaton.bpm.engine.ProcessEngineConfiguration;
import org.operaton.bpm.engine.RuntimeService;
import org.operaton.bpm.engine.impl.cfg.StandaloneProcessEngineConfiguration;
import org.operaton.bpm.engine.impl.jobexecutor.DefaultJobExecutor;

/** Operaton, embedded, history full; removal times off, which spares it statements. */
public final class OperatonPeer extends Peer {
  private final RuntimeService runtime;
  private final DefaultJobExecutor executor = new DefaultJobExecutor();

  private OperatonPeer(String url, String user) {
    super(url, user);
    StandaloneProcessEngineConfiguration config = new StandaloneProcessEngineConfiguration();
    config.setDataSource(source);
    config.setDatabaseSchemaUpdate(ProcessEngineConfiguration.DB_SCHEMA_UPDATE_TRUE);
    config.setHistory(ProcessEngineConfiguration.HISTORY_FULL);
    config.setHistoryRemovalTimeStrategy(ProcessEngineConfiguration.HISTORY_REMOVAL_TIME_STRATEGY_NONE);
    config.setHistoryCleanupEnabled(false);
    config.setHistoryCleanupStrategy("endTimeBased");
    config.setMetricsEnabled(false);
    config.setIdBlockSize(10_000);
    config.setJobExecutorActivate(false);
    executor.setCorePoolSize(EXECUTOR_THREADS);
    executor.setMaxPoolSize(EXECUTOR_THREADS);
    executor.setQueueSize(4 * ACQUIRED_AT_ONCE);
    executor.setMaxJobsPerAcquisition(ACQUIRED_AT_ONCE);
    executor.setWaitTimeInMillis(WAIT_MS);
    executor.setMaxWait(5 * WAIT_MS);
    executor.setBackoffTimeInMillis(0);
    config.setJobExecutor(executor);
    ProcessEngine engine = config.buildProcessEngine();
    engine.getRepositoryService().createDeployment().addClasspathResource("peers.bpmn").deploy();
    runtime = engine.getRuntimeService();
  }

  @Override
  protected void straight() {
    runtime.startProcessInstanceByKey("straight", VARIABLES);
  }

  @Override
  protected String start(String process) {
    return runtime.startProcessInstanceByKey(process, VARIABLES).getId();
  }

  @Override
  protected void trigger(String waiting, int step) {
    runtime.signal(waiting, reply(step));
  }

  @Override
  protected void receive(String waiting, int step) {
    runtime.createMessageCorrelation("m" + step).processInstanceId(waiting).setVariables(reply(step)).correlate();
  }

  @Override
  protected void fireTimers(boolean on) {
    if (on) {
      executor.start();
    } else {
      executor.shutdown();
    }
  }

  @Override
  protected long unfinished() {
    return runtime.createProcessInstanceQuery().count();
  }

  public static void main(String[] args) {
    new OperatonPeer(args[0], args[1]).serve();
  }
}
