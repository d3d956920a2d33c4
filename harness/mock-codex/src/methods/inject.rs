//! `thread/inject_items`: what the model is shown without anybody having said it.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::connection::Call;
use crate::failure::Failure;
use crate::model::response_item;
use crate::protocol::thread_params::ThreadInjectItemsParams;

pub(super) fn inject(call: &Call, params: ThreadInjectItemsParams) -> Result<(), Failure> {
    let thread = call.server.thread(&params.thread_id)?;
    if params.items.is_empty() {
        return Err(Failure::invalid("items must not be empty"));
    }
    let mut items = Vec::with_capacity(params.items.len());
    for (index, item) in params.items.into_iter().enumerate() {
        let item = response_item::checked(item).map_err(|problem| {
            Failure::invalid(format!(
                "items[{index}] is not a valid response item: {problem}"
            ))
        })?;
        items.extend(item);
    }
    thread.materialise()?;
    // What is injected comes behind what the model is told of settings and surroundings.
    crate::turn::tell_context(&thread)?;
    let items = items.iter().map(raw).collect::<Result<Vec<_>, _>>()?;
    let mut state = thread.state.borrow_mut();
    state.injected.get_or_insert_default().extend(items);
    drop(state);
    // A running turn shows it to the model behind the answer that is being given.
    if thread.state.borrow().active.is_none() {
        thread.take_injected()?;
        thread.touch()?;
    }
    call.reply(&json!({}));
    Ok(())
}

fn raw(item: &Value) -> Result<Box<RawValue>, Failure> {
    serde_json::value::to_raw_value(item).map_err(|error| Failure::internal(error.to_string()))
}
