/** Version 1 of the client's API. It stays as it is when /static/flowx/client.js moves on. */
export {connect, FlowxError} from "../client.js";
