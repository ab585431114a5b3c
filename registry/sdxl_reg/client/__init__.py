"""A client of a server of sdxl-reg: what the API answers, its problems as errors, files both ways.

from sdxl_reg.client import Client

with Client("https://registry.example", token="sdxlreg_…") as registry:
for image_set in registry.items("image-sets"):
print(image_set["name"], image_set["images"])
"""

from sdxl_reg.client.client import Client

__all__ = ["Client"]
