//! Blocks of IPv4 addresses.

use super::spec::VpcNetworkSpec;
use crate::kinds::Invalid;
use std::net::Ipv4Addr;

/// A block of addresses, from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    first: u32,
    last: u32,
}

impl Block {
    /// Reads `10.0.0.0/16`. AWS takes 10.0.3.0/16 too and makes it 10.0.0.0/16, which would then
    /// read as a difference for ever, so that such a block is refused.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text} is not an IPv4 address and a size, such as 10.0.0.0/16");
        let (address, size) = text.split_once('/').ok_or_else(wrong)?;
        let address = u32::from(address.parse::<Ipv4Addr>().map_err(|_| wrong())?);
        let size: u32 = size.parse().map_err(|_| wrong())?;
        // A shift by all 32 bits overflows; a block of that size is one address.
        let rest = match size {
            0..=31 => u32::MAX >> size,
            32 => 0,
            _ => return Err(wrong()),
        };
        let first = address & !rest;
        if first != address {
            return Err(format!("{text} must begin at its first address: {}/{size}", Ipv4Addr::from(first)));
        }
        Ok(Self { first, last: first | rest })
    }

    /// Whether all of `other` is in this block.
    pub(super) fn contains(self, other: Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }

    /// Whether the two have an address in common.
    pub(super) fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// Whether two blocks, as text, have an address in common; what cannot be read has none.
pub(super) fn overlap(one: &str, other: &str) -> bool {
    matches!((Block::parse(one), Block::parse(other)), (Ok(one), Ok(other)) if one.overlaps(other))
}

/// Checks that all subnets are inside the VPC and apart from each other.
pub(super) fn check(spec: &VpcNetworkSpec) -> Result<(), Invalid> {
    let vpc = Block::parse(&spec.cidr_block).map_err(|message| Invalid { path: "cidrBlock", message })?;
    let invalid = |message: String| Invalid { path: "subnets", message };
    let mut seen: Vec<(&str, &str, Block)> = Vec::new();
    for subnet in &spec.subnets {
        let (name, text) = (subnet.name.as_str(), subnet.cidr_block.as_str());
        let block = Block::parse(text).map_err(|message| invalid(format!("the cidrBlock of {name}: {message}")))?;
        if !vpc.contains(block) {
            return Err(invalid(format!(
                "{name} ({text}) must be inside the cidrBlock of the VPC, {}",
                spec.cidr_block
            )));
        }
        if let Some((other, other_text, _)) = seen.iter().find(|(_, _, other)| other.overlaps(block)) {
            return Err(invalid(format!("{other} ({other_text}) and {name} ({text}) must not overlap")));
        }
        seen.push((name, text, block));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::vpc_network::spec::Subnet;

    fn spec(subnets: &[(&str, &str)]) -> VpcNetworkSpec {
        let subnets = subnets
            .iter()
            .map(|(name, block)| Subnet { name: (*name).into(), cidr_block: (*block).into(), ..Default::default() })
            .collect();
        VpcNetworkSpec { cidr_block: "10.0.0.0/16".into(), subnets, ..Default::default() }
    }

    fn error(subnets: &[(&str, &str)]) -> String {
        check(&spec(subnets)).unwrap_err().to_string()
    }

    #[test]
    fn subnets_side_by_side_inside_the_vpc_are_fine() {
        assert_eq!(check(&spec(&[("a", "10.0.0.0/24"), ("b", "10.0.1.0/24"), ("c", "10.0.255.240/28")])), Ok(()));
        assert_eq!(check(&spec(&[("all", "10.0.0.0/16")])), Ok(()));
    }

    #[test]
    fn a_subnet_outside_the_vpc_is_named() {
        let told = error(&[("a", "10.0.0.0/24"), ("b", "10.1.0.0/24")]);
        assert!(told.contains("b (10.1.0.0/24) must be inside the cidrBlock of the VPC, 10.0.0.0/16"), "{told}");
    }

    #[test]
    fn overlapping_subnets_are_both_named() {
        let told = error(&[("a", "10.0.0.0/20"), ("b", "10.0.15.0/24")]);
        assert!(told.contains("a (10.0.0.0/20) and b (10.0.15.0/24) must not overlap"), "{told}");
    }

    #[test]
    fn a_block_begins_at_its_first_address() {
        let told = error(&[("a", "10.0.1.7/24")]);
        assert!(told.contains("10.0.1.7/24 must begin at its first address: 10.0.1.0/24"), "{told}");
    }

    #[test]
    fn what_is_no_block_is_refused() {
        for text in ["10.0.0.256/24", "10.0.0.0/33", "10.0.0.0", "10.0.0/24", "ten/8", ""] {
            assert!(Block::parse(text).is_err(), "{text}");
        }
        assert!(Block::parse("10.0.0.1/32").is_ok());
        assert!(Block::parse("0.0.0.0/0").is_ok());
    }

    #[test]
    fn a_vpc_that_cannot_be_read_is_refused_at_its_own_field() {
        let spec = VpcNetworkSpec { cidr_block: "10.0.0.0/99".into(), ..spec(&[]) };
        assert_eq!(check(&spec).unwrap_err().path, "cidrBlock");
    }
}
