"""Several hosts on one machine: network namespaces whose links are cut while events flow."""
