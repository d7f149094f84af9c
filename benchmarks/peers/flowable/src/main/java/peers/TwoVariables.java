package peers;

import org.flowable.engine.delegate.DelegateExecution;
import org.flowable.engine.delegate.JavaDelegate;

/** Writes what our task writes as a record and a frame: two texts that take values of the instance. */
public class TwoVariables implements JavaDelegate {
  @Override
  public void execute(DelegateExecution execution) {
    String bike = (String) execution.getVariable("bike");
    execution.setVariable("record", "{\"name\":\"Tamsin\",\"bike\":\"" + bike + "\"}");
    execution.setVariable("frame", "{\"name\":\"Tamsin\"}");
  }
}
