"""What the unsubscribe pages say beyond `tpma.rendering.page_texts`, in the mail's language."""

from tpma.rendering.page_texts import language_of

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "back_title": "You receive mail from %(partner)s again",
        "back_text": "You can stop it at any time through the link in every mail.",
        "nothing_title": "There is nothing to take back",
        "nothing_text": "It was stopped more than a day ago, or in another way. To hear from "
        "%(partner)s again, write to them or sign up in one of their forms.",
    },
    "de": {
        "back_title": "Sie erhalten wieder E-Mails von %(partner)s",
        "back_text": "Über den Link in jeder E-Mail können Sie sie jederzeit abbestellen.",
        "nothing_title": "Es gibt nichts zurückzunehmen",
        "nothing_text": "Die Abbestellung liegt mehr als einen Tag zurück oder kam auf anderem "
        "Weg. Möchten Sie wieder von %(partner)s hören, schreiben Sie dorthin oder melden Sie sich "
        "über ein Formular an.",
    },
    "ja": {
        "back_title": "%(partner)sからのメールを再開しました",
        "back_text": "各メールのリンクから、いつでも停止できます。",
        "nothing_title": "元に戻す設定はありません",
        "nothing_text": "停止から1日以上経過しているか、別の方法で停止されています。"
        "%(partner)sからのご案内を再び希望される場合は、直接ご連絡いただくか、フォームからお申し込みください。",
    },
    "ar": {
        "back_title": "ستصلكم رسائل %(partner)s من جديد",
        "back_text": "يمكنكم إيقافها في أي وقت عبر الرابط الموجود في كل رسالة.",
        "nothing_title": "لا يوجد ما يمكن التراجع عنه",
        "nothing_text": "مضى على الإيقاف أكثر من يوم، أو تم بطريقة أخرى. لتصلكم أخبار %(partner)s "
        "من جديد راسلوها أو سجّلوا في أحد نماذجها.",
    },
}


def said(tag: str, key: str, partner: str) -> str:
    text = WORDS.get(language_of(tag).split("-")[0], WORDS["en"])[key]
    return text % {"partner": partner} if "%(" in text else text
