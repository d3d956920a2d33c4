//! What `thread/start`, `thread/resume` and `thread/fork` ask for, in one shape.

use crate::config::Requested;
use crate::protocol::params::{ThreadForkParams, ThreadResumeParams, ThreadStartParams, roots};

impl From<ThreadStartParams> for Requested {
    fn from(params: ThreadStartParams) -> Self {
        Self {
            model: params.model,
            model_provider: params.model_provider,
            service_tier: params.service_tier,
            cwd: params.cwd,
            workspace_roots: params.runtime_workspace_roots.map(roots),
            approval_policy: params.approval_policy,
            approvals_reviewer: params.approvals_reviewer,
            sandbox: params.sandbox,
            permissions: params.permissions,
            config: params.config,
            base_instructions: params.base_instructions,
            developer_instructions: params.developer_instructions,
            personality: params.personality,
        }
    }
}

impl From<ThreadResumeParams> for Requested {
    fn from(params: ThreadResumeParams) -> Self {
        Self {
            model: params.model,
            model_provider: params.model_provider,
            service_tier: params.service_tier,
            cwd: params.cwd,
            workspace_roots: params.runtime_workspace_roots.map(roots),
            approval_policy: params.approval_policy,
            approvals_reviewer: params.approvals_reviewer,
            sandbox: params.sandbox,
            permissions: params.permissions,
            config: params.config,
            base_instructions: params.base_instructions,
            developer_instructions: params.developer_instructions,
            personality: params.personality,
        }
    }
}

impl From<ThreadForkParams> for Requested {
    fn from(params: ThreadForkParams) -> Self {
        Self {
            model: params.model,
            model_provider: params.model_provider,
            service_tier: params.service_tier,
            cwd: params.cwd,
            workspace_roots: params.runtime_workspace_roots.map(roots),
            approval_policy: params.approval_policy,
            approvals_reviewer: params.approvals_reviewer,
            sandbox: params.sandbox,
            permissions: params.permissions,
            config: params.config,
            base_instructions: params.base_instructions,
            developer_instructions: params.developer_instructions,
            personality: None,
        }
    }
}
