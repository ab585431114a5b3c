"""The files of LoRAs: whose keys they have, which modules these name, by which scales they act."""
