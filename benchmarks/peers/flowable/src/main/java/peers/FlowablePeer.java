package peers;

import java.util.Map;
import org.flowable.common.engine.impl.history.HistoryLevel;
import org.flowable.engine.ProcessEngine;
import org.flowable.engine.ProcessEngineConfiguration;
import org.flowable.engine.RuntimeService;
import org.flowable.engine.impl.cfg.StandaloneProcessEngineConfiguration;

/** Flowable, embedded, history full. */
public final class FlowablePeer extends Peer {
  private final RuntimeService runtime;

  private FlowablePeer(String url, String user) {
    super(url, user);
    StandaloneProcessEngineConfiguration config = new StandaloneProcessEngineConfiguration();
    config.setDataSource(source);
    config.setDatabaseSchemaUpdate(ProcessEngineConfiguration.DB_SCHEMA_UPDATE_TRUE);
    config.setHistoryLevel(HistoryLevel.FULL);
    config.setAsyncExecutorActivate(false);
    ProcessEngine engine = config.buildProcessEngine();
    engine.getRepositoryService().createDeployment().addClasspathResource("peers.bpmn20.xml").deploy();
    runtime = engine.getRuntimeService();
  }

  @Override
  protected void straight() {
    runtime.startProcessInstanceByKey("straight", VARIABLES);
  }

  @Override
  protected void durable() {
    String id = runtime.startProcessInstanceByKey("durable", VARIABLES).getId();
    String execution = runtime.createExecutionQuery().processInstanceId(id).activityId("r1").singleResult().getId();
    for (int step = 1; step <= 3; step++) {
      runtime.trigger(execution, Map.of("reply" + step, "{\"ok\":true}"));
    }
  }

  public static void main(String[] args) throws Exception {
    new FlowablePeer(args[0], args[1]).serve();
  }
}
