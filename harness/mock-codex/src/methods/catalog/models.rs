//! `model/list`, and the providers that models come from.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Params;
use super::page::Paged;
use super::{ModelProviderCapabilitiesReadParams, ModelProviderListParams};
use crate::config::Provider;
use crate::connection::Call;
use crate::failure::Failure;

/// The catalog that codex 0.169.0 brings along, in its order; the descriptions are our own.
const CATALOG: &str = include_str!("../../../data/models.json");

/// `model/list`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ModelListParams {
    model_provider: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
    include_hidden: Option<bool>,
}

impl Params for ModelListParams {}

pub(super) fn list(call: &Call, params: ModelListParams) -> Result<(), Failure> {
    let config = call.server.config()?;
    let unknown = params
        .model_provider
        .filter(|name| !config.knows_provider(name));
    if let Some(name) = unknown {
        return Err(Failure::invalid_with(
            format!(
                "This chat uses model provider “{name}”, which is no longer configured. Restore \
                 this provider’s configuration to continue."
            ),
            json!({"type": "modelProviderNotConfigured", "modelProvider": name}),
        ));
    }
    let hidden_too = params.include_hidden.unwrap_or_default();
    let mut models = catalog()?;
    models.retain(|model| hidden_too || model["hidden"] == false);
    let page = Paged::new("models", params.cursor, params.limit);
    call.reply(&page.of(models)?);
    Ok(())
}

/// The data file is part of the program; a test reads it.
fn catalog() -> Result<Vec<Value>, Failure> {
    serde_json::from_str(CATALOG).map_err(|error| Failure::internal(error.to_string()))
}

pub(super) fn providers(call: &Call, _: ModelProviderListParams) -> Result<(), Failure> {
    let config = call.server.config()?;
    let own = config.toml.model_providers.iter();
    let mut data: Vec<Value> = own.map(|(id, provider)| custom(id, provider)).collect();
    data.push(json!({
        "id": "openai", "name": "OpenAI", "canEdit": false, "baseUrl": null,
        "settings": {"type": "openai"},
    }));
    let default = config.toml.model_provider.as_deref().unwrap_or("openai");
    call.reply(&json!({
        "data": data, "defaultProviderId": default, "canChangeDefault": true,
    }));
    Ok(())
}

fn custom(id: &str, provider: &Provider) -> Value {
    json!({
        "id": id, "name": provider.name, "canEdit": true, "baseUrl": provider.base_url,
        "settings": {"type": "customGateway", "auth": {"mode": "none"}},
    })
}

pub(super) fn capabilities(
    call: &Call,
    _: ModelProviderCapabilitiesReadParams,
) -> Result<(), Failure> {
    call.reply(&json!({"imageGeneration": true, "webSearch": true}));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalog_has_one_default_that_everybody_sees() {
        let models = catalog().unwrap();
        let defaults = models.iter().filter(|model| model["isDefault"] == true);
        assert_eq!(
            defaults.map(|model| &model["hidden"]).collect::<Vec<_>>(),
            [false]
        );
        assert_eq!(models.len(), 12);
    }
}
