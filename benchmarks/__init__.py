"""What the product does against what this machine allows, measured in the same run."""
