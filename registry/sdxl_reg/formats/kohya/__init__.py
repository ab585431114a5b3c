"""The files of kohya_ss and sd-scripts: configurations and dataset folders."""
