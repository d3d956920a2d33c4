//! `sdk`: third-party SDKs and their drivers.

use std::io::Write;

use clap::{Args, Subcommand};

use super::{CliError, Exit};
use crate::client::driver::protocol;

/// The options of `sdk`.
#[derive(Debug, Args)]
pub struct SdkArgs {
    #[command(subcommand)]
    command: SdkCommand,
}

/// What is done with SDKs.
#[derive(Debug, Subcommand)]
enum SdkCommand {
    /// Print the JSON Schema of the protocol that drivers speak
    Schema,
}

/// Does what `sdk` is asked for.
///
/// # Errors
/// The output can't be written.
pub fn execute(args: &SdkArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    match &args.command {
        SdkCommand::Schema => {
            writeln!(out, "{:#}", protocol::schema().to_value())?;
            Ok(Exit::Success)
        }
    }
}
