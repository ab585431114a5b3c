"""The formats of data sets that are written and read, as users call them."""

from collections.abc import Mapping

EXPORTS: Mapping[str, str] = {
    "kohya": "image/<repeats>_<class>/, dataset.toml, meta_cap.json: kohya_ss, sd-scripts",
    "folder": "the bytes and folders that were ingested, captions beside: anything",
    "hypernetwork": "one flat folder of pictures of one size with texts: AUTOMATIC1111",
    "imagefolder": "folders of splits with metadata.jsonl: Hugging Face datasets, diffusers",
    "parquet": "tables with the pictures inside: Hugging Face datasets and hub",
    "webdataset": "tar files of samples: webdataset, training from streams",
    "coco": "pictures with categories and captions as JSON: pycocotools, detectors",
}
"""Name → what it is, and which programs read it, as a line of help."""

IMPORTS: Mapping[str, str] = {
    "kohya": "folders 10_shirt, a dataset TOML, or metadata JSON",
    "imagefolder": "metadata.jsonl or metadata.csv, or folders of classes",
    "parquet": "tables with pictures inside, as Hugging Face datasets writes them",
    "webdataset": "tar files of samples",
    "coco": "JSON of images, annotations, categories",
}
"""Name → what it is, as a line of help."""
