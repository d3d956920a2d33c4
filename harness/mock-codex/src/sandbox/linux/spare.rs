//! A sandbox that was set up before anybody asked for it.
//!
//! What takes longest needs to know nothing of the command: the namespaces, their `/proc` and `/dev`
//! and the read-only tree. A spare helper and the first process of its namespaces have all of it
//! ready and wait for an order. What depends on the order is done when it comes, on the host as it
//! is then: the writable roots and what is protected in them, the directory, the command.

use std::fs::File;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::guard::{Guarded, Requests};
use super::mount::Access;
use super::namespace::{self, Confined, Stage, StagePlan, existing};
use super::process::wait_readable;
use super::protected::Protected;
use super::{SetupError, Step as _};
use crate::sandbox::fork_server::{DESCRIPTORS, Order, attach, receive, send};
use crate::sandbox::helper::{self, SETUP_FAILED};
use crate::sandbox::plan::Confinement;
use crate::sandbox::policy::SandboxSpec;

/// Says whether a spare sandbox fits `order`; then whether it has the host's network.
pub(in crate::sandbox) fn kind(order: &Order) -> Option<bool> {
    let Confinement::Namespaces(spec) = &order.plan.confinement else {
        return None;
    };
    let all_writable = existing(&spec.writable_roots)
        .iter()
        .any(|root| root == Path::new("/"));
    let fits = !order.argv.is_empty() && !order.plan.tty && !all_writable;
    fits.then_some(spec.network)
}

/// Sets everything up, waits for an order on `control`, and carries it out; the exit code. Without
/// an order it ends when the other end of `control` is closed.
pub(in crate::sandbox) fn run(control: &UnixStream, network: bool) -> Result<i32, SetupError> {
    let hand_over = || "hand the command over".to_owned();
    let requests = Requests::keep_back()?;
    let (near, far) = UnixStream::pair().step(hand_over)?;
    let inherited = near.as_raw_fd();
    let plan = StagePlan {
        network,
        tty: false,
        access: Access::ReadOnly,
    };
    let guarded = Guarded::start(plan.namespaces(), move |guard| {
        nix::unistd::close(inherited).step(hand_over)?;
        let stage = plan.set_up()?;
        match receive(&far).step(hand_over)? {
            Some(received) => carry_out(received, &stage, &guard),
            None => Ok(SETUP_FAILED),
        }
    })?;
    let waited = wait_readable([control.as_fd(), guarded.ended()]).step(hand_over)?;
    let [true, false] = waited else {
        return Ok(SETUP_FAILED);
    };
    let Some((order, descriptors)) = receive(control).step(hand_over)? else {
        return Ok(SETUP_FAILED);
    };
    attach([&descriptors[0], &descriptors[1], &descriptors[2]]).step(hand_over)?;
    let limits = spec(&order)?;
    let protected = Protected::claim(&existing(&limits.writable_roots), limits)?;
    let sent = serde_json::to_vec(&order)
        .map_err(std::io::Error::from)
        .and_then(|body| send(&near, &body, descriptors.each_ref().map(|fd| fd.as_fd())));
    drop(descriptors);
    let task = namespace::task(order.plan.parent, order.plan.tty, &protected);
    let code = sent
        .step(hand_over)
        .and_then(|()| guarded.wait(&requests, task));
    protected.release();
    code
}

/// Runs the command of an order in this process's namespaces.
fn carry_out(
    (order, [stdin, stdout, stderr, report]): (Order, [OwnedFd; DESCRIPTORS]),
    stage: &Stage,
    guard: &OwnedFd,
) -> Result<i32, SetupError> {
    attach([&stdin, &stdout, &stderr]).step(|| "attach its output".to_owned())?;
    drop([stdin, stdout, stderr]);
    let spec = spec(&order)?;
    let roots = existing(&spec.writable_roots);
    // Those that the guard has made are there, and are locked once more.
    let protected = Protected::claim(&roots, spec)?;
    let confined = Confined {
        spec,
        parent: order.plan.parent,
        cwd: &order.plan.cwd,
        tty: order.plan.tty,
        command: helper::command(&order.argv, &order.env),
        report: File::from(report),
    };
    confined.first_process(stage, &roots, &protected, guard)
}

fn spec(order: &Order) -> Result<&SandboxSpec, SetupError> {
    match &order.plan.confinement {
        Confinement::Namespaces(spec) => Ok(spec),
        Confinement::None | Confinement::Landlock(_) => {
            Err(std::io::Error::other("the order asks for something else"))
                .step(|| "take an order".to_owned())
        }
    }
}
