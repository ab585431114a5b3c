"""The tables, one module per noun; import from here to have every one of them registered."""

from sdxl_reg.tables.access import BrowserSession, Token, User, UserRole
from sdxl_reg.tables.artifacts import Artifact, ArtifactAlias, ArtifactFile, ArtifactVersion
from sdxl_reg.tables.base import Base, now
from sdxl_reg.tables.blobs import Blob, BlobScan, FileHash
from sdxl_reg.tables.captions import Caption, CaptionHead
from sdxl_reg.tables.changes import Change
from sdxl_reg.tables.datasets import Dataset, DatasetEntry, DatasetVersion
from sdxl_reg.tables.events import EventLog
from sdxl_reg.tables.generations import GeneratedPicture, Generation
from sdxl_reg.tables.grids import CellScore, Grid, GridCell, Vote
from sdxl_reg.tables.images import Crop, FolderScan, Image, ImageEmbedding, ImageSet, Member
from sdxl_reg.tables.ingests import Ingest, IngestFile
from sdxl_reg.tables.lineage import LineageDep, LineageEvent, Node
from sdxl_reg.tables.runs import Run, RunAttempt, RunMetric, RunSample
from sdxl_reg.tables.tags import MemberTag, Tag, TagAlias, TagClosure
from sdxl_reg.tables.uploads import KeptAnswer, Upload

__all__ = [
    "Artifact",
    "ArtifactAlias",
    "ArtifactFile",
    "ArtifactVersion",
    "Base",
    "Blob",
    "BlobScan",
    "BrowserSession",
    "Caption",
    "CaptionHead",
    "CellScore",
    "Change",
    "Crop",
    "Dataset",
    "DatasetEntry",
    "DatasetVersion",
    "EventLog",
    "FileHash",
    "FolderScan",
    "GeneratedPicture",
    "Generation",
    "Grid",
    "GridCell",
    "Image",
    "ImageEmbedding",
    "ImageSet",
    "Ingest",
    "IngestFile",
    "KeptAnswer",
    "LineageDep",
    "LineageEvent",
    "Member",
    "MemberTag",
    "Node",
    "Run",
    "RunAttempt",
    "RunMetric",
    "RunSample",
    "Tag",
    "TagAlias",
    "TagClosure",
    "Token",
    "Upload",
    "User",
    "UserRole",
    "Vote",
    "now",
]
