"""Screens the words of prompts: `screening.screen`. English, Spanish, Chinese; pure, no torch.

lists/*.txt have word families and phrases, `lexicon` finds them, `spelling` undoes disguises before.
"""
