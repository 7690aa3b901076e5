//! Where paths begin: the roots of the API.

use super::Flavour;

/// Where a path begins, behind whatever context.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Root {
    PortalDirectory,
    /// Certificates of a machine of the portal.
    PortalMachine,
    /// Certificates of a portal on one machine. Both show the same store.
    PortalSecurity,
    ServerDirectory,
    /// Certificates of a machine of a GIS, notebook, mission or video server.
    ServerMachine,
    Sharing,
    Rest,
    Tokens,
    /// For monitoring systems.
    Metrics,
    /// The description of the API.
    OpenApi,
    /// Of no API.
    Outside,
}

impl Root {
    /// The longer before those that they begin with.
    pub(crate) const ALL: [Self; 10] = [
        Self::PortalMachine,
        Self::PortalSecurity,
        Self::PortalDirectory,
        Self::ServerMachine,
        Self::ServerDirectory,
        Self::Sharing,
        Self::Rest,
        Self::Tokens,
        Self::Metrics,
        Self::OpenApi,
    ];

    /// Its path behind the context, in the documented spelling.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::PortalDirectory | Self::Outside => "portaladmin",
            Self::PortalMachine => "portaladmin/machines/{machine}/sslCertificates",
            Self::PortalSecurity => "portaladmin/security/sslCertificates",
            Self::ServerDirectory => "admin",
            Self::ServerMachine => "admin/machines/{machine}/sslCertificates",
            Self::Sharing => "sharing/rest",
            Self::Rest => "rest",
            Self::Tokens => "tokens",
            Self::Metrics => "metrics",
            Self::OpenApi => "openapi.json",
        }
    }

    pub(crate) fn flavour(self) -> Flavour {
        match self {
            Self::ServerDirectory | Self::ServerMachine => Flavour::Server,
            _ => Flavour::Portal,
        }
    }

    /// The administrator directory to which its pages lead.
    pub(crate) fn directory(self) -> Self {
        match self {
            Self::ServerDirectory | Self::ServerMachine | Self::Rest | Self::Tokens => Self::ServerDirectory,
            _ => Self::PortalDirectory,
        }
    }
}
