//! Network settings as the files of systemd-networkd and wpa_supplicant.
//!
//! Pure. Whatever a setting holds, it stays within its value: addresses are numbers, interfaces have checked
//! names, the name of a radio network is written in hexadecimal digits, and a password that could leave its
//! quotes is refused.

use crate::bail;
use crate::error::Result;
use crate::field::{Address, Netmask};
use crate::hal::Interface;
use crate::settings::{Network, Route, Wifi, WifiSecurity};

/// Route metrics: packets leave by the interface with the smaller one.
const PREFERRED: u32 = 100;
const OTHER: u32 = 600;
/// So that people who find the files know whose they are.
const HEAD: &str = "# Written by facegate from its network settings; changes made here are lost.\n";

/// networkd's file for the cable; `None` while no address was ever set: how the machine came by its own is
/// then left alone.
#[must_use]
pub fn wired(interface: &Interface, network: &Network) -> Option<String> {
    let metric = if network.route == Route::Wired { PREFERRED } else { OTHER };
    let dns = [network.dns, Address::NONE];
    if network.dhcp() {
        return Some(networkd(interface, None, dns, metric));
    }
    let fixed = (network.address, network.mask, network.gateway);
    network.address.is_some().then(|| networkd(interface, Some(fixed), dns, metric))
}

/// networkd's file for WiFi; `None` while it is not used.
#[must_use]
pub fn wifi(interface: &Interface, network: &Network, wifi: &Wifi) -> Option<String> {
    let metric = if network.route == Route::Wifi { PREFERRED } else { OTHER };
    let fixed = (!wifi.dhcp.on()).then_some((wifi.address, wifi.mask, wifi.gateway));
    wifi.enabled.on().then(|| networkd(interface, fixed, [wifi.dns1, wifi.dns2], metric))
}

/// A fixed address, or one from the network. Name servers that are set count in both cases.
fn networkd(
    interface: &Interface,
    fixed: Option<(Address, Netmask, Address)>,
    dns: [Address; 2],
    metric: u32,
) -> String {
    let mut text = format!("{HEAD}[Match]\nName={}\n\n[Network]\n", interface.as_str());
    match fixed {
        None => text.push_str("DHCP=ipv4\n"),
        Some((address, mask, _)) => text.push_str(&format!("DHCP=no\nAddress={address}/{}\n", mask.prefix())),
    }
    for server in dns.into_iter().filter(|server| server.is_some()) {
        text.push_str(&format!("DNS={server}\n"));
    }
    match fixed {
        None => text.push_str(&format!("\n[DHCPv4]\nRouteMetric={metric}\n")),
        Some((_, _, gateway)) if gateway.is_some() => {
            text.push_str(&format!("\n[Route]\nGateway={gateway}\nMetric={metric}\n"));
        }
        Some(_) => {}
    }
    text
}

/// wpa_supplicant's file for the radio network that is set.
///
/// # Errors
/// [`crate::error::Fault::BadParameter`] for a password WPA does not take.
pub fn supplicant(wifi: &Wifi) -> Result<String> {
    // `scan_ssid`: networks that hide their name are found too.
    let control = "ctrl_interface=DIR=/run/wpa_supplicant\nupdate_config=0\n";
    let mut text = format!("{HEAD}{control}\nnetwork={{\n\tscan_ssid=1\n\tssid=");
    for byte in wifi.ssid.as_str().bytes() {
        text.push_str(&format!("{byte:02x}"));
    }
    match wifi.security {
        WifiSecurity::Open => text.push_str("\n\tkey_mgmt=NONE\n"),
        // Personal networks both: the document asks for no name to log in with.
        WifiSecurity::Psk | WifiSecurity::Wpa => {
            let password = wifi.password.as_str();
            // wpa_supplicant reads to the last quote of the line, so quotes within do no harm.
            if !(8..=63).contains(&password.len()) || !password.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
                bail!(BadParameter, "PassWord: WPA takes 8 to 63 printable characters of ASCII");
            }
            text.push_str(&format!("\n\tkey_mgmt=WPA-PSK\n\tpsk=\"{password}\"\n"));
        }
    }
    text.push_str("}\n");
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::{Bytes, Flag, Int};

    fn interface(name: &str) -> Interface {
        name.to_owned().try_into().unwrap()
    }

    fn address(text: &str) -> Address {
        Address(text.parse().unwrap())
    }

    fn fixed() -> Network {
        Network {
            address: address("192.168.2.10"),
            gateway: address("192.168.2.1"),
            dns: address("202.96.134.33"),
            ..Network::default()
        }
    }

    #[test]
    fn the_cable_s_file() {
        let file = |network: &Network| wired(&interface("eth0"), network);
        assert_eq!(file(&Network::default()), None);
        assert_eq!(
            file(&fixed()).unwrap(),
            format!(
                "{HEAD}[Match]\nName=eth0\n\n[Network]\nDHCP=no\nAddress=192.168.2.10/24\nDNS=202.96.134.33\n\n\
                 [Route]\nGateway=192.168.2.1\nMetric=100\n"
            )
        );
        let alone = Network { gateway: Address::NONE, dns: Address::NONE, mask: Netmask::new(16).unwrap(), ..fixed() };
        assert_eq!(
            file(&alone).unwrap(),
            format!("{HEAD}[Match]\nName=eth0\n\n[Network]\nDHCP=no\nAddress=192.168.2.10/16\n")
        );
        for dhcp in [1, 2] {
            let leased = Network { dhcp: Int::new(dhcp).unwrap(), route: Route::Wifi, dns: Address::NONE, ..fixed() };
            assert_eq!(
                file(&leased).unwrap(),
                format!("{HEAD}[Match]\nName=eth0\n\n[Network]\nDHCP=ipv4\n\n[DHCPv4]\nRouteMetric=600\n")
            );
        }
    }

    fn radio(ssid: &str, password: &str, security: WifiSecurity) -> Wifi {
        Wifi {
            enabled: Flag::of(1),
            ssid: Bytes::new(ssid).unwrap(),
            password: Bytes::new(password).unwrap(),
            security,
            ..Wifi::default()
        }
    }

    #[test]
    fn the_files_of_wifi() {
        let wlan = interface("wlan0");
        assert_eq!(wifi(&wlan, &Network::default(), &Wifi::default()), None);
        let preferred = Network { route: Route::Wifi, ..Network::default() };
        let fixed = Wifi {
            dhcp: Flag::of(0),
            address: address("10.1.2.3"),
            gateway: address("10.1.2.1"),
            dns1: address("9.9.9.9"),
            dns2: address("1.1.1.1"),
            ..radio("TP-LINK_4755", "testpassword", WifiSecurity::Psk)
        };
        assert_eq!(
            wifi(&wlan, &preferred, &fixed).unwrap(),
            format!(
                "{HEAD}[Match]\nName=wlan0\n\n[Network]\nDHCP=no\nAddress=10.1.2.3/24\nDNS=9.9.9.9\nDNS=1.1.1.1\n\n\
                 [Route]\nGateway=10.1.2.1\nMetric=100\n"
            )
        );
        for (wifi, network) in [
            (
                fixed,
                "\nnetwork={\n\tscan_ssid=1\n\tssid=54502d4c494e4b5f34373535\n\tkey_mgmt=WPA-PSK\n\
                 \tpsk=\"testpassword\"\n}\n",
            ),
            (radio("网", "", WifiSecurity::Open), "\nnetwork={\n\tscan_ssid=1\n\tssid=e7bd91\n\tkey_mgmt=NONE\n}\n"),
        ] {
            let control = "ctrl_interface=DIR=/run/wpa_supplicant\nupdate_config=0\n";
            assert_eq!(supplicant(&wifi).unwrap(), format!("{HEAD}{control}{network}"));
        }
    }

    /// Nothing a setting holds may add a line or leave its value.
    #[test]
    fn files_cannot_be_injected() {
        let names = ["a\n}\nnetwork={", "\"\n\tpsk=\"x", "a\r\tb", "}#${IFS}`reboot`"];
        for name in names {
            let text = supplicant(&radio(name, "12345678", WifiSecurity::Wpa)).unwrap();
            let plain = supplicant(&radio("a", "12345678", WifiSecurity::Wpa)).unwrap();
            assert_eq!(text.lines().count(), plain.lines().count(), "{name:?}");
            assert!(!text.contains(name), "{name:?}");
        }
        for password in ["12345678\n}", "12345678\r", "1234567\t8", "密码密码密码", "short", &"9".repeat(64)] {
            assert!(supplicant(&radio("a", password, WifiSecurity::Psk)).is_err(), "{password:?}");
        }
        let quoted = supplicant(&radio("a", "a\" #b\" c", WifiSecurity::Psk)).unwrap();
        assert!(quoted.lines().any(|line| line == "\tpsk=\"a\" #b\" c\""), "{quoted}");
        for name in ["", "eth0\nName=*", "../eth0", "eth 0", "a/b", "-h", "interface-too-long"] {
            assert!(Interface::try_from(name.to_owned()).is_err(), "{name:?}");
        }
    }
}
