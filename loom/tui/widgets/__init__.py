"""What is drawn: widgets that show plain values and send nothing by themselves."""
