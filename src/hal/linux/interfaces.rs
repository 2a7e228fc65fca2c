//! Where the machine's interfaces are in the network now: addresses from the kernel, gateways and name
//! servers from the files that hold them. Only reads.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use if_addrs::IfAddr;

use crate::error::{Error, Fault, Result};
use crate::field::{Address, Netmask};
use crate::hal::Connection;

/// What the kernel says of an IPv4 address it has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Assigned {
    /// Name of the interface.
    pub interface: String,
    /// Address.
    pub address: Ipv4Addr,
    /// Netmask.
    pub mask: Ipv4Addr,
}

/// All IPv4 addresses of this machine.
///
/// # Errors
/// [`Fault::Unavailable`] when the kernel does not say.
pub fn assigned() -> Result<Vec<Assigned>> {
    let all = if_addrs::get_if_addrs()
        .map_err(|e| Error::new(Fault::Unavailable, "the interfaces cannot be listed").because(e))?;
    let v4 = all.into_iter().filter_map(|interface| match interface.addr {
        IfAddr::V4(v4) => Some(Assigned { interface: interface.name, address: v4.ip, mask: v4.netmask }),
        IfAddr::V6(_) => None,
    });
    Ok(v4.collect())
}

/// The connection of `interface`; without a name that of the interface the default route leaves by, else of the
/// first that is not the machine's own loop.
#[must_use]
pub fn connection(root: &Path, assigned: &[Assigned], interface: Option<&str>) -> Connection {
    let routes = fs::read_to_string(root.join("proc/net/route")).unwrap_or_default();
    let defaults: Vec<_> = routes.lines().filter_map(default_route).collect();
    let own = match interface {
        Some(name) => assigned.iter().find(|a| a.interface == name),
        None => defaults
            .iter()
            .find_map(|(name, _)| assigned.iter().find(|a| a.interface == *name))
            .or_else(|| assigned.iter().find(|a| !a.address.is_loopback())),
    };
    let Some(own) = own else { return Connection::NONE };
    let gateway = defaults.iter().find(|(name, _)| *name == own.interface).map(|(_, gateway)| *gateway);
    let prefix = u8::try_from(own.mask.to_bits().leading_ones()).unwrap_or(0);
    Connection {
        address: Address(own.address),
        mask: Netmask::new(prefix).unwrap_or(Netmask::NONE),
        gateway: gateway.map_or(Address::NONE, Address),
        dns: name_servers(root),
    }
}

/// Interface and gateway of a line of the kernel's routing table, if it is a default route.
fn default_route(line: &str) -> Option<(&str, Ipv4Addr)> {
    let mut columns = line.split_whitespace();
    let (name, destination, gateway) = (columns.next()?, columns.next()?, columns.next()?);
    let mask = columns.nth(4)?;
    // Addresses stand there as the bytes in memory, read as one number of the machine.
    let gateway = u32::from_str_radix(gateway, 16).ok()?.to_ne_bytes();
    (destination == "00000000" && mask == "00000000").then_some((name, Ipv4Addr::from(gateway)))
}

/// The name servers that are asked in the end: behind systemd's own stub, if that is in between.
fn name_servers(root: &Path) -> [Address; 2] {
    let files = ["run/systemd/resolve/resolv.conf", "etc/resolv.conf"];
    let text = files.iter().find_map(|file| fs::read_to_string(root.join(file)).ok()).unwrap_or_default();
    let mut servers = text.lines().filter_map(|line| {
        let server = line.trim().strip_prefix("nameserver")?.trim().parse::<IpAddr>().ok()?;
        if let IpAddr::V4(server) = server { Some(Address(server)) } else { None }
    });
    [servers.next().unwrap_or(Address::NONE), servers.next().unwrap_or(Address::NONE)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTES: &str = "\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
wlan0\t00000000\t0102A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t00000000\tFE00000A\t0003\t0\t0\t600\t00000000\t0\t0\t0
eth0\t0000000A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
";

    #[test]
    fn connections_are_put_together() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let have = |interface: &str, address: &str, mask: &str| Assigned {
            interface: interface.into(),
            address: address.parse().unwrap(),
            mask: mask.parse().unwrap(),
        };
        let assigned = [
            have("lo", "127.0.0.1", "255.0.0.0"),
            have("eth0", "10.0.3.4", "255.255.0.0"),
            have("wlan0", "192.168.2.77", "255.255.255.0"),
        ];
        let shown = |interface| {
            let c = connection(root, &assigned, interface);
            [c.address.to_string(), c.mask.prefix().to_string(), c.gateway.to_string(), c.dns[0].to_string()].join(" ")
        };
        assert_eq!(shown(None), "10.0.3.4 16 0.0.0.0 0.0.0.0", "no routes: the first that is no loop");
        fs::create_dir_all(root.join("proc/net")).unwrap();
        fs::create_dir_all(root.join("etc")).unwrap();
        let routes = if cfg!(target_endian = "little") { ROUTES } else { return };
        fs::write(root.join("proc/net/route"), routes).unwrap();
        fs::write(root.join("etc/resolv.conf"), "# x\nnameserver ::1\nnameserver 9.9.9.9\noptions a\n").unwrap();
        for (interface, expect) in [
            (None, "192.168.2.77 24 192.168.2.1 9.9.9.9"),
            (Some("eth0"), "10.0.3.4 16 10.0.0.254 9.9.9.9"),
            (Some("wlan0"), "192.168.2.77 24 192.168.2.1 9.9.9.9"),
            (Some("eth1"), "0.0.0.0 0 0.0.0.0 0.0.0.0"),
        ] {
            assert_eq!(shown(interface), expect, "{interface:?}");
        }
        assert!(assigned_here().iter().any(|a| a.address.is_loopback()));
    }

    fn assigned_here() -> Vec<Assigned> {
        assigned().unwrap()
    }
}
