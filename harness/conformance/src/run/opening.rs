//! Opening a client: the pipes that it gets, and whether it opens as the case wants it.

use std::collections::BTreeMap;
use std::io;

use codex_tap::{Plan as TapPlan, Sink};

use crate::client::driver::tap;
use crate::client::failure::Failure;
use crate::run::case::{Run, Stop};
use crate::run::checks::{failed, judge, passed};

impl Run<'_> {
    /// The reference client on a fresh app-server; false: it refused to, as the case wants it.
    pub(super) async fn open_reference(&mut self) -> Result<bool, Stop> {
        self.open_session().await?;
        if self.shakes_hands() {
            let outcome = self.handshake().await.map(drop);
            return self.judge_opening("handshake", "the handshake failed", outcome);
        }
        Ok(true)
    }

    /// Is the client open? False: it isn't, and the case wants it so.
    pub(super) fn judge_opening(
        &mut self,
        id: &str,
        what: &str,
        outcome: Result<(), Failure>,
    ) -> Result<bool, Stop> {
        let at = Some(&self.case.at);
        let (check, opened) = match (outcome, &self.case.expect.open_error) {
            (Ok(()), _) => (passed(id, at), true),
            (Err(failure), None) => {
                let message = format!("{what}: {}", failure.describe());
                (failed(id, message, at, failure.entry), false)
            }
            (Err(failure), Some(matcher)) => {
                let subject = "the error of opening the client";
                let told = failure.to_value();
                let check = judge(
                    id.to_owned(),
                    subject,
                    matcher,
                    Some(&told),
                    failure.entry,
                    &self.bindings,
                );
                (check, false)
            }
        };
        self.keep_checks(vec![check])?;
        Ok(opened)
    }

    /// Puts a tap before the app-server if its pipes are to be bad ones. It records nothing: the
    /// client does.
    pub(super) fn disturb_pipes(&mut self) -> io::Result<()> {
        let (Some(disturb), Some(launch)) = (self.disturbance(), &mut self.plan.launch) else {
            return Ok(());
        };
        let codex = self.laid_out.places().root.join("codex");
        let plan = TapPlan {
            program: launch.program.clone(),
            before: Vec::new(),
            takes_arguments: true,
            environment: BTreeMap::new(),
            sink: Sink::File("/dev/null".into()),
            began_us: None,
            disturb: Some(disturb),
        };
        tap::write(&codex, &plan, self.options.mock_program.as_deref())?;
        launch.program = codex;
        Ok(())
    }

    /// What the tap does to the app-server's output.
    pub(super) fn disturbance(&self) -> Option<codex_tap::Disturb> {
        let disturb = self.case.disturb.as_ref()?;
        let root = &self.laid_out.places().root;
        Some(codex_tap::Disturb {
            pieces: disturb.pieces,
            together: disturb.together,
            noise: disturb.noise,
            binary: disturb.binary,
            delay_ms: u64::try_from(disturb.delay.as_millis()).unwrap_or(u64::MAX),
            long_line: disturb.long_line,
            end_at: disturb.end_at.clone(),
            spent: Some(root.join("spent")),
        })
    }
}
