package peers;

import org.flowable.common.engine.impl.history.HistoryLevel;
import org.flowable.engine.ProcessEngine;
import org.flowable.engine.ProcessEngineConfiguration;
import org.flowable.engine.RuntimeService;
import org.flowable.engine.impl.cfg.StandaloneProcessEngineConfiguration;
import org.flowable.job.service.impl.asyncexecutor.AsyncExecutor;

/** Flowable, embedded, history full. */
public final class FlowablePeer extends Peer {
  private final RuntimeService runtime;
  private final AsyncExecutor executor;

  private FlowablePeer(String url, String user) {
    super(url, user);
    StandaloneProcessEngineConfiguration config = new StandaloneProcessEngineConfiguration();
    config.setDataSource(source);
    config.setDatabaseSchemaUpdate(ProcessEngineConfiguration.DB_SCHEMA_UPDATE_TRUE);
    config.setHistoryLevel(HistoryLevel.FULL);
    config.setAsyncExecutorActivate(false);
    config.setAsyncExecutorCorePoolSize(EXECUTOR_THREADS);
    config.setAsyncExecutorMaxPoolSize(EXECUTOR_THREADS);
    config.setAsyncExecutorThreadPoolQueueSize(4 * ACQUIRED_AT_ONCE);
    config.setAsyncExecutorMaxTimerJobsPerAcquisition(ACQUIRED_AT_ONCE);
    config.setAsyncExecutorMaxAsyncJobsDuePerAcquisition(ACQUIRED_AT_ONCE);
    config.setAsyncExecutorDefaultTimerJobAcquireWaitTime(WAIT_MS);
    config.setAsyncExecutorDefaultAsyncJobAcquireWaitTime(WAIT_MS);
    config.setAsyncExecutorDefaultQueueSizeFullWaitTime(WAIT_MS);
    ProcessEngine engine = config.buildProcessEngine();
    engine.getRepositoryService().createDeployment().addClasspathResource("peers.bpmn20.xml").deploy();
    runtime = engine.getRuntimeService();
    executor = config.getAsyncExecutor();
  }

  @Override
  protected void straight() {
    runtime.startProcessInstanceByKey("straight", VARIABLES);
  }

  @Override
  protected String start(String process) {
    String id = runtime.startProcessInstanceByKey(process, VARIABLES).getId();
    return process.equals("timers")
        ? id
        : runtime.createExecutionQuery().processInstanceId(id).activityId(process + 1).singleResult().getId();
  }

  @Override
  protected void trigger(String waiting, int step) {
    runtime.trigger(waiting, reply(step));
  }

  @Override
  protected void receive(String waiting, int step) {
    runtime.messageEventReceived("m" + step, waiting, reply(step));
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
    new FlowablePeer(args[0], args[1]).serve();
  }
}
