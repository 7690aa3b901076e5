//! Certificate policies (RFC 5280, section 6.1), for a caller to whom any policy is acceptable.
//!
//! Then all that matters is whether a policy is left where one is required. The nodes of one depth say so; those
//! above are not kept, so that no chain of mappings grows the work beyond a list for each certificate (RFC 9618).

use super::path_error::PathError;
use crate::certificate::{Certificate, Oid};

/// anyPolicy, 2.5.29.32.0, encoded.
const ANY_POLICY: &[u8] = &[0x55, 0x1d, 0x20, 0x00];

/// The most policies of one certificate, or of one depth.
const MAX_POLICIES: usize = 256;

/// A policy at the present depth, and what certificates below may call it.
struct Node {
    policy: Vec<u8>,
    expected: Vec<Vec<u8>>,
}

impl Node {
    fn same(policy: &[u8]) -> Self {
        Self { policy: policy.to_vec(), expected: vec![policy.to_vec()] }
    }
}

/// The variables of section 6.1.2 that concern policies.
struct State {
    /// Empty where the standard has a tree that is NULL.
    nodes: Vec<Node>,
    explicit_policy: u32,
    policy_mapping: u32,
    inhibit_any: u32,
}

/// Whether the policies of a leaf make no difference to a path in which no CA requires any.
pub(super) fn leaf_is_indifferent(leaf: &Certificate) -> bool {
    let policies = &leaf.policies;
    policies.require_explicit.is_none()
        && policies.asserted.as_ref().is_none_or(|asserted| asserted.len() <= MAX_POLICIES)
}

/// Checks the certificates below the anchor, anchor side first.
pub(super) fn check(path: &[&Certificate]) -> Result<(), PathError> {
    // n + 1 in section 6.1.2 (d) to (f): what no path of n certificates counts down to nought.
    let never = u32::MAX;
    let mut state = State {
        nodes: vec![Node::same(ANY_POLICY)],
        explicit_policy: never,
        policy_mapping: never,
        inhibit_any: never,
    };
    let last = path.len().saturating_sub(1);
    for (n, certificate) in path.iter().enumerate() {
        state.process(certificate, n == last)?;
        if n == last {
            // Section 6.1.5 (a) and (b).
            state.explicit_policy = state.explicit_policy.saturating_sub(1);
            if certificate.policies.require_explicit == Some(0) {
                state.explicit_policy = 0;
            }
        } else {
            state.prepare(certificate)?;
        }
        state.require()?;
    }
    Ok(())
}

impl State {
    /// Section 6.1.3 (d) to (f).
    fn process(&mut self, certificate: &Certificate, last: bool) -> Result<(), PathError> {
        let parents = std::mem::take(&mut self.nodes);
        if let Some(asserted) = &certificate.policies.asserted {
            if asserted.len() > MAX_POLICIES {
                return Err(PathError::Policy("there are more policies than any real certificate has"));
            }
            let any_parent = parents.iter().any(|node| node.policy == ANY_POLICY);
            for policy in asserted.iter().map(Oid::as_bytes).filter(|policy| *policy != ANY_POLICY) {
                if any_parent || parents.iter().any(|node| node.expected.iter().any(|e| e == policy)) {
                    self.nodes.push(Node::same(policy));
                }
            }
            let any = asserted.iter().any(|oid| oid.as_bytes() == ANY_POLICY);
            let self_issued = certificate.is_self_issued();
            if any && (self.inhibit_any > 0 || (!last && self_issued)) {
                for expected in parents.into_iter().flat_map(|node| node.expected) {
                    if self.nodes.len() < MAX_POLICIES
                        && self.nodes.iter().all(|node| node.policy != expected)
                    {
                        self.nodes.push(Node::same(&expected));
                    }
                }
            }
        }
        self.require()
    }

    /// Section 6.1.3 (f) and 6.1.5 (g): a policy is left, or none is required.
    fn require(&self) -> Result<(), PathError> {
        if self.explicit_policy == 0 && self.nodes.is_empty() {
            return Err(PathError::Policy("a policy is required that the certificates below do not have"));
        }
        Ok(())
    }

    /// Section 6.1.4 (a), (b) and (h) to (j).
    fn prepare(&mut self, certificate: &Certificate) -> Result<(), PathError> {
        let policies = &certificate.policies;
        let is_any = |oid: &Oid| oid.as_bytes() == ANY_POLICY;
        if policies.mappings.iter().any(|(from, to)| is_any(from) || is_any(to)) {
            return Err(PathError::Policy("anyPolicy stands in a policy mapping"));
        }
        if policies.mappings.len() > MAX_POLICIES {
            return Err(PathError::Policy("there are more policy mappings than any real certificate has"));
        }
        self.map(&policies.mappings);
        if !certificate.is_self_issued() {
            self.explicit_policy = self.explicit_policy.saturating_sub(1);
            self.policy_mapping = self.policy_mapping.saturating_sub(1);
            self.inhibit_any = self.inhibit_any.saturating_sub(1);
        }
        let lower = |value: u32, limit: Option<u32>| limit.map_or(value, |limit| value.min(limit));
        self.explicit_policy = lower(self.explicit_policy, policies.require_explicit);
        self.policy_mapping = lower(self.policy_mapping, policies.inhibit_mapping);
        self.inhibit_any = lower(self.inhibit_any, policies.inhibit_any);
        Ok(())
    }

    fn map(&mut self, mappings: &[(Oid, Oid)]) {
        let mut sources: Vec<&[u8]> = mappings.iter().map(|(from, _)| from.as_bytes()).collect();
        sources.sort_unstable();
        sources.dedup();
        if self.policy_mapping == 0 {
            self.nodes.retain(|node| sources.binary_search(&node.policy.as_slice()).is_err());
            return;
        }
        let any = self.nodes.iter().any(|node| node.policy == ANY_POLICY);
        for source in sources {
            let targets = || {
                let of_source = mappings.iter().filter(|(from, _)| from.as_bytes() == source);
                of_source.map(|(_, to)| to.as_bytes().to_vec()).collect::<Vec<_>>()
            };
            match self.nodes.iter_mut().find(|node| node.policy == source) {
                Some(node) => node.expected = targets(),
                None if any => self.nodes.push(Node { policy: source.to_vec(), expected: targets() }),
                None => {}
            }
        }
    }
}
